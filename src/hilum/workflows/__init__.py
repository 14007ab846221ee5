"""What the rooms do together: one module for each thing that a person asks of Hilum from end to end."""
