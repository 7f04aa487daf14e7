"""Backpropagation through time, written out.

`lstm`, `gru` and `simple_rnn` hold the equations of a step and their derivatives, gate by gate; `block` the two loops
over time; `blocking` cuts a batch into blocks; `recurrence` runs all blocks and makes the whole differentiable.
"""
