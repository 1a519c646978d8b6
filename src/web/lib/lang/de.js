/* German. A key that is missing here stays English. */
export default {
  "Log in": "Anmelden",
};
