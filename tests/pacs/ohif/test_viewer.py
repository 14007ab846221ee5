"""OHIF in Chromium shows what the node sent: the probability beside the film, and the capture in its colours."""
