"""Personal fields closed with a key for each person, and opened while that key is there."""
