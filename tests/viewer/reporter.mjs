// Prints `ok NAME` or `FAIL NAME` for each test, what failed, and at the end `N passed, N failed`.
export default async function* report(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (type === 'test:pass') {
      if (data.skip !== undefined) yield `skip ${data.name}: ${data.skip}\n`;
      else {
        passed++;
        yield `ok ${data.name}\n`;
      }
    } else if (type === 'test:fail') {
      failed++;
      const error = data.details?.error;
      yield `FAIL ${data.name}\n${String(error?.cause?.stack ?? error?.cause ?? error).replace(/^/gm, '    ')}\n`;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
