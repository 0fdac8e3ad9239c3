"""What happens when somebody types, presses, chooses or sends something in Slack."""
