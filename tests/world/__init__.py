"""The one world of the tests: a clock, a ledger, rules and people, and as much of the product as a test wants.

| module | class | adds to `World` |
|---|---|---|
| `base` | `World` | clock, ledger, rules, people, queue; `story` tells a request's life into the ledger |
| `office` | `Office` | the use cases: people ask, approve, deny |
| `hands` | `Hands` | targets, granter, revoker, timekeeper |
| `face` | `Face` | a Slack in memory, and the followers that draw into it |
| `audit_channel` | `AuditChannelWorld` | an audit channel to edit and delete in, and a key to sign the record |
| `record` | `Record` | a record signed by hand, for what is proven of it |
| `signing` | `Signing` | the signer itself |
| `product` | `Product` | no fakes: all processes on real servers, played through the playground |
"""
