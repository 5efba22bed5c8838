import './data.test.mjs';
import './golden.test.mjs';
import './browser.test.mjs';
import './firefox.test.mjs';
