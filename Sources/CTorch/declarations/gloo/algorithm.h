#include "Gloo.h"
