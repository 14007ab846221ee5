"""From a preprocessed film to numbers: the study's preparation, outlines of the lungs, and families of features."""
