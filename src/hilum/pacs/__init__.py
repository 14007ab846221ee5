"""A node in a hospital's network: films in by DICOM, the one answer out as a structured report and a picture.

`hilum node` is the way in; `hilum.pacs.node.Node` is what it runs. All of it needs the extra `hilum[pacs]`.
"""
