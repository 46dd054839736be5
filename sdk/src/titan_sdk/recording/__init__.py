"""Record what an agent does, and report it to the server in the background.

    @titan_sdk.action                      actions     decorated functions and `with` blocks
    with titan_sdk.run(agent_id="A"):      runs        runs, to which actions belong
    titan_sdk.thinking("…")                events      events at one moment
                                           streams     generators and coroutines
                                           tasks       the path of the task or thread
                                           program     the program's code and packages

    caller's thread    a snapshot of the values, and a place in a queue    calls, recorder
    in the background  reports become entries, without local secrets       entries, redact
                       sent in batches, or written to the spool            recorder, delivery

Errors here never reach the caller's code.
"""
