// The floor of the runtime: a Worker that answers "hi" without reading the request.
export default {
  fetch() {
    return new Response("hi");
  },
};
