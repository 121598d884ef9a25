// A stand-in for a dataset of Analytics Engine. Like the real one, it takes a row at once, and the Worker does not wait
// for it. It logs each row, but throws for a row of the group "throw".
export default () => ({
  writeDataPoint(point) {
    if (point.indexes[0] === "throw") throw new Error("provoked");
    console.log(`row ${JSON.stringify(point)}`);
  },
});
