// Stands in for a dataset of Analytics Engine, as one is bound: it takes a row at once, and nothing of it is waited for.
// A row is told in the log; one of the group "throw" is not taken.
export default () => ({
  writeDataPoint(point) {
    if (point.indexes[0] === "throw") throw new Error("provoked");
    console.log(`row ${JSON.stringify(point)}`);
  },
});
