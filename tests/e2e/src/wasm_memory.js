// Records the memory of each wasm instance. Must be imported before the Worker, which creates its instance when it is
// loaded.
const Instance = WebAssembly.Instance;
let memory;

WebAssembly.Instance = function (module, imports) {
  const instance = new Instance(module, imports);
  memory = instance.exports.memory;
  return instance;
};

/** In bytes, of the newest instance. Such memory never shrinks. */
export const size = () => memory.buffer.byteLength;
