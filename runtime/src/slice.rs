//! Slices: groups of devices with a fast interconnect of their own.

use xla_sys::locate::DeviceKind;
use xla_sys::{DeviceDescription, Value};

/// The number of the slice a device belongs to; 0 where there are none.
pub(crate) fn slice(kind: DeviceKind, device: &DeviceDescription) -> usize {
    let index = match (kind, device.attribute("coords"), device.attribute("slice_index")) {
        // The CUDA plugin gives every device of a described topology slice index 0.
        (DeviceKind::Cuda, Some(Value::IntList(coords)), _) => coords.first().copied().unwrap_or(0),
        (_, _, Some(&Value::Int(index))) => index,
        _ => 0,
    };
    usize::try_from(index).unwrap_or(0)
}
