"""What is drawn in Slack, pure: cards, direct messages, alerts, audit lines, App Home."""
