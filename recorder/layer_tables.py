"""The tables of images' layers, a sentence for each table and column."""

from recorder.tables import Column, Table

C = Column

IMAGES = Table(
    "images",
    "One row for each image whose layers are known: many builds give the same one.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the image in this file."),
        C("image_digest", "TEXT NOT NULL UNIQUE", "Digest, as in `docker_builds`."),
    ),
)

LAYER_INSTRUCTIONS = Table(
    "layer_instructions",
    "Each distinct instruction of an image's history once.",
    (
        C("id", "INTEGER PRIMARY KEY", "Number of the instruction in this file."),
        C("instruction", "TEXT NOT NULL UNIQUE", "The instruction, secrets masked."),
    ),
)

IMAGE_LAYERS = Table(
    "image_layers",
    "One row for each entry of an image's history; the view `build_layers` gives readable rows.",
    (
        C("image_id", "INTEGER NOT NULL REFERENCES images (id) ON DELETE CASCADE", "The image."),
        C("position", "INTEGER NOT NULL", "Place from the base up."),
        C("instruction_id", "INTEGER NOT NULL REFERENCES layer_instructions (id)", "What made it."),
        C("bytes", "INTEGER NOT NULL", "What it adds to the image.", "bytes"),
    ),
    ("PRIMARY KEY (image_id, position)",),
    " WITHOUT ROWID",
)
