"""What is done with the access, watched: what people do in targets while they hold it."""
