"""What a process runs on: settings, logs, the queue, signals, the supervisor, embedded servers."""
