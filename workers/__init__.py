"""The processes that give and take access: workers, which take orders from the queue, and the timekeeper."""
