"""The audit channel: every entry shown there, compared with the ledger, and watched for changes by others."""
