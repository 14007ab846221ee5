"""Films answered as they come: read in processes of their own, predicted in batches; for every kind of server."""
