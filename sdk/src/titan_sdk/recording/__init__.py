"""What an agent does, told to the server without holding it up.

    @titan_sdk.action                      acts      a decorated function, or a `with` block, is an action
    with titan_sdk.run(agent_id="A"):      runs      what an action belongs to
    titan_sdk.thinking("…")                words     what happens at one moment
                                           streams   what is recorded of generators
                                           parameters   what arguments are called
                                           callsites    which line called

    caller's thread    a snapshot, and a place in a queue                     showing, recorder
    behind it          notes become JSON (told), in batches                   recorder
                       posted; kept on disk while the server is away          delivery, spool
    at the exit        what is left, and what could not be kept               leaving, losses

Whatever goes wrong here, the caller's code goes on: an action that cannot be recorded is counted, and the count is
told. A process that is killed loses what the last 0.1 s brought, or what came while one request waited for its answer.
"""
