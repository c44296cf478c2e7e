"""What is judged from kept columns in key order: quality on labelled cases, with its uncertainty."""
