"""The core: the life of a request, rules, the record and its proof. It knows no Slack and no target."""
