"""The process that speaks Slack: takes commands and presses, and draws what the ledger says."""
