"""What others would run: each a process in an environment of its own that does a piece of work whenever it is asked.

None of these modules imports Hilum, but for `ours`. `constraints-keras.txt` and `constraints-torch.txt` pin what
`make bench` installs into `.bench/keras` and `.bench/torch`; PyTorch's tutorial and MONAI share the latter.
"""
