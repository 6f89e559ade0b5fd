"""Checks the Kubernetes manifests beside this file and below it: that they are YAML, have the fields their kinds need, and agree with
themselves. Wants PyYAML. It knows no cluster: what only a cluster can refuse, it cannot find.

    python3 deploy/check.py
"""

import math
import pathlib
import re
import sys

import yaml

# For each kind, its API version and the fields it must have.
KINDS = {
    "Service": ("v1", ["spec.selector", "spec.ports"]),
    "Deployment": ("apps/v1", ["spec.selector.matchLabels", "spec.template.metadata.labels"]),
    "Job": ("batch/v1", ["spec.template", "spec.completions"]),
    "JobSet": ("jobset.x-k8s.io/v1alpha2", ["spec.replicatedJobs", "spec.failurePolicy.maxRestarts"]),
}
CONTAINER = {"name", "image", "command", "args", "env", "ports", "resources", "volumeMounts"}
POD = {"containers", "nodeSelector", "restartPolicy", "terminationGracePeriodSeconds", "volumes"}
PARTS = {"completionMode", "completions", "parallelism", "backoffLimitPerIndex", "podFailurePolicy", "template"}
JOB = {"completionMode", "parallelism", "completions", "backoffLimit", "template"}
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class NoDuplicates(yaml.SafeLoader):
    """A loader that refuses a key that is there twice, of which others take the last."""


def mapping(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    doubles = {key for key in keys if keys.count(key) > 1}
    check(not doubles, f"line {node.start_mark.line + 1}: {sorted(doubles)} twice")
    return loader.construct_mapping(node, deep=True)


NoDuplicates.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def check(condition, message):
    if not condition:
        raise SystemExit(f"error: {where}: {message}")


def get(value, path):
    for key in path.split("."):
        check(isinstance(value, dict) and key in value, f"no {path}")
        value = value[key]
    return value


def known(value, names, what):
    check(set(value) <= names, f"{what}: unknown fields {sorted(set(value) - names)}")


def container(value, volumes):
    known(value, CONTAINER, "container")
    check(NAME.fullmatch(get(value, "name")), f"container name {value['name']}")
    check(isinstance(get(value, "image"), str), "container image")
    for field in ("command", "args"):
        texts = value.get(field, [])
        check(isinstance(texts, list) and all(isinstance(text, str) for text in texts), f"{field} is not a list of texts")
    names = []
    for variable in value.get("env", []):
        known(variable, {"name", "value", "valueFrom"}, "variable")
        names.append(get(variable, "name"))
        check(("value" in variable) != ("valueFrom" in variable), f"variable {names[-1]}: value or valueFrom")
        if "value" in variable:
            check(isinstance(variable["value"], str), f"variable {names[-1]} must be a text, in quotes")
        else:
            source = variable["valueFrom"]
            known(source, {"fieldRef", "secretKeyRef"}, f"variable {names[-1]}")
            if "fieldRef" in source:
                path = get(source, "fieldRef.fieldPath")
                check(re.fullmatch(r"metadata\.(annotations|labels)\['[a-z0-9./-]+'\]", path), f"fieldPath {path}")
            else:
                get(source, "secretKeyRef.name"), get(source, "secretKeyRef.key")
    check(len(names) == len(set(names)), "a variable is there twice")
    for mount in value.get("volumeMounts", []):
        check(get(mount, "name") in volumes, f"no volume {mount['name']}")
        check(get(mount, "mountPath").startswith("/"), "mountPath")
    return set(names)


def pod(value):
    known(value, POD, "pod")
    volumes = {get(volume, "name") for volume in value.get("volumes", [])}
    for volume in value.get("volumes", []):
        get(volume, "persistentVolumeClaim.claimName")
    check(value["containers"], "no containers")
    return [container(entry, volumes) for entry in get(value, "containers")]


def jobset(spec):
    for job in spec["replicatedJobs"]:
        inner = get(job, "template.spec")
        known(inner, JOB, "job")
        check(inner["completionMode"] == "Indexed", "only an Indexed job sets JOB_COMPLETION_INDEX")
        hosts = get(inner, "parallelism")
        check(hosts == get(inner, "completions"), "parallelism and completions differ: all must run at once")
        template = get(inner, "template.spec")
        check(template["restartPolicy"] == "Never", "the set restarts jobs, not pods")
        names = pod(template)[0]
        entry = template["containers"][0]
        values = {variable["name"]: variable.get("value") for variable in entry["env"]}
        line = " ".join(entry["args"])
        option = dict(re.findall(r"--([a-z-]+) (\S+)", line))
        slices = get(job, "replicas")
        check(int(option["slices"]) == slices, f"--slices {option['slices']}, and {slices} replicas")
        check(int(values["GOPHER_PROCESSES"]) == slices * hosts, "GOPHER_PROCESSES is not replicas * completions")
        check(int(values["HOSTS_PER_SLICE"]) == hosts, "HOSTS_PER_SLICE is not completions")
        shape = get(template, "nodeSelector")["cloud.google.com/gke-tpu-topology"]
        check(option["topology"] == f"tpu:v5e:{shape}", f"--topology {option['topology']} on nodes of {shape}")
        chips = math.prod(int(side) for side in shape.split("x"))
        check(chips == hosts * get(entry, "resources.limits")["google.com/tpu"], f"{hosts} hosts have not {chips} chips")
        used = set(re.findall(r"\b[A-Z][A-Z_]+\b", line)) - {"JOB_COMPLETION_INDEX"}
        check(used <= names, f"variables that are not set: {sorted(used - names)}")
        address = values["GOPHER_COORDINATOR"]
        check(address.split("//")[1].split(":")[0] in services, f"no service for {address}")


def parts(spec):
    """An Indexed Job, of which each pod does one part."""
    known(spec, PARTS, "job")
    check(get(spec, "completionMode") == "Indexed", "only an Indexed job sets JOB_COMPLETION_INDEX")
    completions = get(spec, "completions")
    check(1 <= get(spec, "parallelism") <= completions, "parallelism is not 1 to completions")
    template = get(spec, "template.spec")
    check(template["restartPolicy"] == "Never", "backoffLimitPerIndex and podFailurePolicy want restartPolicy: Never")
    for rule in get(spec, "podFailurePolicy.rules"):
        known(rule, {"action", "onExitCodes", "onPodConditions"}, "rule")
        check(get(rule, "action") in {"FailJob", "FailIndex", "Ignore", "Count"}, f"action {rule['action']}")
        check(("onExitCodes" in rule) != ("onPodConditions" in rule), "a rule has onExitCodes or onPodConditions")
        if "onExitCodes" in rule:
            check(get(rule, "onExitCodes.operator") in {"In", "NotIn"} and get(rule, "onExitCodes.values"), "onExitCodes")
    names = pod(template)[0]
    entry = template["containers"][0]
    values = {variable["name"]: variable.get("value") for variable in entry["env"]}
    check(int(values["PARTS"]) == completions, f"PARTS is {values['PARTS']}, and completions {completions}")
    line = " ".join(entry["args"])
    check("--part $((JOB_COMPLETION_INDEX + 1))/$PARTS" in line, "--part is not this pod's")
    used = set(re.findall(r"\b[A-Z][A-Z_]+\b", line)) - {"JOB_COMPLETION_INDEX"}
    check(used <= names, f"variables that are not set: {sorted(used - names)}")


def document(value):
    kind = get(value, "kind")
    check(kind in KINDS, f"unknown kind {kind}")
    version, fields = KINDS[kind]
    check(get(value, "apiVersion") == version, f"{kind} has apiVersion {version}")
    check(NAME.fullmatch(get(value, "metadata.name")), "metadata.name")
    for field in fields:
        get(value, field)
    spec = value["spec"]
    if kind == "Service":
        services.add(value["metadata"]["name"])
    elif kind == "Deployment":
        labels = spec["template"]["metadata"]["labels"]
        check(spec["selector"]["matchLabels"].items() <= labels.items(), "the selector does not match the template")
        pod(spec["template"]["spec"])
    elif kind == "Job":
        parts(spec)
    else:
        jobset(spec)


services = set()
where = ""
count = 0
for path in sorted(pathlib.Path(__file__).parent.rglob("*.yaml")):
    where = path.name
    try:
        documents = list(yaml.load_all(path.read_text(), Loader=NoDuplicates))
    except yaml.YAMLError as error:
        raise SystemExit(f"error: {where}: {error}")
    for number, value in enumerate(documents):
        where = f"{path.name}, document {number + 1}"
        document(value)
        count += 1
check(count, "no manifests")
print(f"{count} documents are well-formed and agree with themselves", file=sys.stderr)
