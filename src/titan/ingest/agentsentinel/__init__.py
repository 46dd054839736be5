"""What agentsentinel-sdk reports, as entries."""
