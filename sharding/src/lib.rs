//! Chips, meshes and plans; compiling and running graph programs on them through PJRT.
