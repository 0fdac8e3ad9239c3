"""The life of one request, pure: what follows what, whether approvals decide, what was typed, what one may use up."""
