"""What goes on around a training step: who looks on, who shares the work, who judges the outcome.

    callbacks      take snapshots, keep the model, watch for failure
    distributed    start several processes that train together; loads no TensorFlow
    replicas       what each of several devices does in one step
    judges         the classifiers by which the labs measure, and how each is trained
    seeds          first weights and an order of pictures that depend on one seed alone

Import the one you need: ``from helpers.training import callbacks``.
"""
