"""Exported models behind the REST format and the gRPC service of TF Serving."""
