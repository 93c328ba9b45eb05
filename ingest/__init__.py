"""Files in, documents in the index out: reading, assembling, chunking, the pipeline."""
