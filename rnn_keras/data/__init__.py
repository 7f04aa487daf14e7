"""Data that several applications share: sources, splits, tables, texts, images and batches."""
