// The runtime's floor: a Worker that answers "hi" and looks at nothing.
export default {
  fetch() {
    return new Response("hi");
  },
};
