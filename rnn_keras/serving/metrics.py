"""What a server counts and measures, in the format of Prometheus; kserve adds its own and those of the process."""

import functools

from prometheus_client import Counter, Gauge, Histogram

BATCH_SIZES = (1, 2, 4, 8, 16, 32, 64)
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter("serving_requests", "Requests for predictions that were answered", ["protocol", "code"])
ERRORS = Counter("serving_errors", "Those that were answered with an error", ["protocol", "code"])
LATENCY = Histogram("serving_request_seconds", "Seconds from a request to its answer", ["protocol"], buckets=SECONDS)
BATCH_ROWS = Histogram("serving_batch_rows", "Instances that were computed together", buckets=BATCH_SIZES)
WAITING = Gauge("serving_waiting_requests", "Requests that wait for the model", ["lane"])
VERSION = Gauge("serving_model_version", "The version that is served", ["model"])
LOAD_FAILURES = Counter("serving_load_failures", "Versions that could not be loaded", ["model"])
CONNECTIONS = Gauge("serving_connections", "Open HTTP connections")
CLOSED = Counter("serving_connections_closed", "HTTP connections that the server closed", ["reason"])
ABANDONED = Counter("serving_requests_abandoned", "Requests whose clients left before the answer", ["protocol"])


def count_answer(protocol: str, code: str, failed: bool, seconds: float) -> None:
    """Counts an answer to a request for predictions.

    Args:
        protocol: rest or grpc.
        code: the HTTP status, or the name of gRPC's.
        failed: whether it is an error.
        seconds: that it took.
    """
    requests, errors, latency = _find_counters(protocol, code)
    requests.inc()
    if failed:
        errors.inc()
    latency.observe(seconds)


@functools.cache  # a few codes; looking the labels up takes longer than counting
def _find_counters(protocol: str, code: str) -> tuple[Counter, Counter, Histogram]:
    return REQUESTS.labels(protocol, code), ERRORS.labels(protocol, code), LATENCY.labels(protocol)
