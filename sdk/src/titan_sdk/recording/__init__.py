"""What an agent does, reported to the server in the background.

    @titan_sdk.action                      actions     a decorated function, or a `with` block, is an action
    with titan_sdk.run(agent_id="A"):      runs        what an action belongs to
    titan_sdk.thinking("…")                events      what happens at one moment
                                           streams     what is recorded of generators
                                           parameters  what arguments are called
                                           callsites   which line called
                                           program     what code and packages ran

    caller's thread    a snapshot, and a place in a queue                     showing, recorder
    in the background  notes become entries                                   encoding, entry
                       posted in batches, or written to the spool             recorder, delivery, spool
                       what could not be kept is counted                      losses

Whatever goes wrong here, the caller's code goes on. The numbers are in `limits`.
"""
