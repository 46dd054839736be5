"""What jobs read and leave on the disk of a worker: archives, folders, workspaces, collected files."""
