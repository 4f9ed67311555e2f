"""Readers that keep positions: text in, ``Reading`` out. They never raise on any text."""
