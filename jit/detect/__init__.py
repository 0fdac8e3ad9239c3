"""What is seen, held against what the record says. Pure: values in, findings out."""
