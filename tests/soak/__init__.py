"""`make soak`: a real server under mixed load for long, and whether what it holds stays flat.

What is bounded by design is brought to its bound first (`filling`): the answers and the ended transfers that are remembered,
and, by a small `--image-cache`, the images. Then growth is growth. It is judged over the last two thirds of the time.
"""
