//! Group files.

use super::error::{Refusal, Result};
use super::keys::Keys;
use super::yaml::{Kind, Node};

/// A group file: several tasks under one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// `group_alias`.
    pub alias: Option<String>,
    /// The tasks, groups and tags it is made of.
    pub members: Vec<String>,
    /// Whether each aggregate is weighted by the number of documents, from `aggregate_metric_list`: metric, weighted.
    pub aggregates: Vec<(String, bool)>,
}

/// Whether these keys are a group's.
pub(super) fn is_group(root: &Node) -> bool {
    let Kind::Map(entries) = &root.value else { return false };
    let task = entries.iter().find(|entry| entry.key == "task").map(|entry| &entry.value.value);
    match task {
        Some(Kind::List(_)) => true,
        Some(Kind::Null) | None => entries.iter().any(|entry| entry.key == "group"),
        _ => false,
    }
}

/// Reads a group's keys.
pub(super) fn read_group(root: Node) -> Result<Group> {
    let mut keys = Keys::of(root, "a group file")?;
    let name = keys.text("group")?;
    let Some(name) = name else {
        return Err(
            keys.refuse(Refusal::Missing, "no 'group': a file whose 'task' is a list has a name as a group")
        );
    };
    let alias = keys.name("group_alias")?;
    let mut members = Vec::new();
    for node in keys.list("task")?.unwrap_or_default() {
        match &node.value {
            Kind::Text(task) => members.push(task.clone()),
            Kind::Map(entries) => {
                let named = entries.iter().find(|entry| matches!(entry.key.as_str(), "task" | "group"));
                match named.map(|entry| (&entry.value.value, entries.len())) {
                    Some((Kind::Text(task), 1)) => members.push(task.clone()),
                    _ => {
                        let problem = "tasks with changed keys inside a group are not supported; write a file that includes the task's";
                        return Err(node.refuse(Refusal::Unsupported, problem));
                    }
                }
            }
            _ => {
                return Err(
                    node.refuse(Refusal::Value, format!("a task's name, and this is {}", node.kind()))
                );
            }
        }
    }
    let mut aggregates = Vec::new();
    let list = keys.take("aggregate_metric_list");
    let list = match list {
        None => Vec::new(),
        Some(Node { value: Kind::List(list), .. }) => list,
        Some(node) => vec![node],
    };
    for node in list {
        let mut keys = Keys::of(node, "an entry of 'aggregate_metric_list'")?;
        let Some(metric) = keys.text("metric")? else {
            return Err(keys.refuse(Refusal::Missing, "an entry of 'aggregate_metric_list' has a 'metric'"));
        };
        if let Some(node) = keys.take("aggregation")
            && !matches!(&node.value, Kind::Text(name) if name == "mean")
        {
            return Err(node.refuse(Refusal::Metric, "the aggregation of a group is 'mean'"));
        }
        let _ = keys.take("filter_list");
        aggregates.push((metric, keys.boolean("weight_by_size")?.unwrap_or(true)));
        keys.finish("an entry of 'aggregate_metric_list'")?;
    }
    let _ = (keys.take("metadata"), keys.take("tag"), keys.take("task_alias"));
    keys.finish("a group")?;
    Ok(Group { name, alias, members, aggregates })
}
