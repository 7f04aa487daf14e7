"""Recurrent networks for Keras: layers with explicit gates, and what every recurrent application needs around them."""
