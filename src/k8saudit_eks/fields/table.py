"""The table of all fields: the single source of the native extractor, the fields JSON and the docs.

A field's position is its id in the plugin ABI. The first 100 fields have the
names, list flags and arguments of the k8saudit plugin family, so that rules
written for it load unchanged.
"""

from __future__ import annotations

from k8saudit_eks.fields import events, objects, pods
from k8saudit_eks.fields.model import Field

FIELDS: tuple[Field, ...] = (
    *events.request_fields(),
    *objects.binding_fields(),
    *objects.object_fields(),
    *objects.pod_fields(),
    *pods.container_fields(),
    *objects.role_fields(),
    *objects.service_and_volume_fields(),
    *events.response_fields(),
    *events.envelope_fields(),
    *events.identity_fields(),
    *events.target_and_uri_fields(),
    *objects.metadata_fields(),
    *pods.all_container_fields(),
    *pods.workload_fields(),
    *objects.persistent_volume_fields(),
    *events.delivery_fields(),
)
