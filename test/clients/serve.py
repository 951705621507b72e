# SPDX-License-Identifier: Apache-2.0

"""Answers requests with the code of a client that takes long to import.

A request is a line of JSON on stdin, {"id": ..., "do": ..., ...}; its answer is a line of JSON on what was stdout,
{"id": ..., "answer": ...} or {"id": ..., "error": ...}. Every request has a process of its own, so they do not wait for
each other and leave nothing behind.
"""

import json
import os
import signal
import sys
import traceback

# Clients write to stdout what they like.
answers = os.dup(1)
os.dup2(2, 1)


def reply(**answer):
    os.write(answers, (json.dumps(answer) + "\n").encode())


def serve(handlers):
    """Answer each request with handlers[request["do"]](request) until stdin ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        if os.fork() == 0:
            try:
                reply(id=request["id"], answer=handlers[request["do"]](request))
            except BaseException:  # whatever it is, the test shows it
                reply(id=request["id"], error=traceback.format_exc()[-2000:])
            os._exit(0)
