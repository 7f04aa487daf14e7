"""From probabilities to answers, inside the graph."""
