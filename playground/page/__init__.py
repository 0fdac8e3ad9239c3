"""The playground in a browser: what a reader is shown, live, and what stands beside the chat."""
