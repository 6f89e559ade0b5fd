//! The safe layer against XLA's CPU plugin.
use xla_sys::*;

#[test]
fn first() -> Result<()> {
    let Ok(path) = std::env::var("GOPHER_CPU_PLUGIN") else {
        eprintln!("skipped: GOPHER_CPU_PLUGIN is not set");
        return Ok(());
    };
    let plugin = Plugin::load(path, &PluginOptions::cpu())?;
    eprintln!("{:?} {:?}", plugin.api_version(), plugin.attributes()?);
    let client = plugin.client(&[NamedValue::new("cpu_device_count", 2)])?;
    eprintln!("{client:?} {:?} {:?}", client.platform_version(), client.devices());
    let program = Program::mlir(
        "func.func @main(%x: tensor<2xf32> {tf.aliasing_output = 0 : i32}, %y: tensor<2xf32>) -> tensor<2xf32> {
           %0 = stablehlo.add %x, %y : tensor<2xf32>
           return %0 : tensor<2xf32>
         }",
        [ArrayType::new(ElementType::F32, [2]), ArrayType::new(ElementType::F32, [2])],
    );
    let executable = client.compile(&program, &CompileOptions::default())?;
    eprintln!(
        "{executable:?} {:?} {:?} {:?}",
        executable.input_types(),
        executable.executable().output_types()?,
        executable.executable().donated_inputs()?
    );
    let x = client.move_to_device(HostArray::from_slice(&[1.0f32, 2.0], &[2])?, &executable.devices()[0])?;
    let y = client.copy_to_device(&HostArray::from_slice(&[1.0f32, 2.0], &[2])?, &executable.devices()[0])?;
    let execution = executable.execute(&[&[&x, &y]], &ExecuteOptions::default())?;
    assert_eq!(execution.outputs[0][0].to_host()?.as_slice::<f32>()?, [2.0, 4.0]);
    eprintln!("{}", executable.execute(&[&[&x, &y]], &ExecuteOptions::default()).unwrap_err());
    eprintln!("{:?}", executable.executable().memory_stats());
    eprintln!("{:?}", executable.executable().cost_analysis());
    eprintln!("{:?}", client.devices()[0].memories());
    eprintln!("{:?}", client.devices()[0].memory_stats());
    eprintln!("{:?}", client.topology()?.devices());
    Ok(())
}
