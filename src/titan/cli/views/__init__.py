"""What the command line shows of jobs, runs and evaluations."""
