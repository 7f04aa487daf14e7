"""What every format needs of recurrent layers: their calls, masks, states and streams."""
